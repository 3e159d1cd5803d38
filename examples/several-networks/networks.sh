etcdctl put /coreos.com/network/config '{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan" } }'
etcdctl put /blue/network/config '{ "Network": "10.99.0.0/16", "Backend": { "Type": "vxlan", "VNI": 2 } }'
