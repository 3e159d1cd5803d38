etcdctl --user node:secret-of-nodes put /coreos.com/network/config '{ "Network": "10.0.0.0/8" }'
