etcdctl role add overlay
etcdctl role grant-permission overlay read /coreos.com/network/config
etcdctl role grant-permission overlay readwrite --prefix /coreos.com/network/subnets/
etcdctl user add node:secret-of-nodes
etcdctl user grant-role node overlay
etcdctl user add root:secret-of-operators
etcdctl user grant-role root root
etcdctl auth enable
