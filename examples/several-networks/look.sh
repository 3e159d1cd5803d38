ip -br link show type vxlan | sort
ip route show proto 157
cat /run/flannel/subnet.env /run/flannel/blue.env
