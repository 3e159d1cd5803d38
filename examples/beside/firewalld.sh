firewall-cmd --permanent --zone=trusted --add-source=10.244.0.0/16
firewall-cmd --permanent --add-port=8472/udp
firewall-cmd --reload
