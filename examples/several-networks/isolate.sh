iptables -I FORWARD -s 10.244.0.0/16 -d 10.99.0.0/16 -j DROP
iptables -I FORWARD -s 10.99.0.0/16 -d 10.244.0.0/16 -j DROP
