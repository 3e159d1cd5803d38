ufw allow proto udp from 192.168.77.0/24 to any port 8472
ufw route allow from 10.244.0.0/16
ufw route allow to 10.244.0.0/16
