set -eu
systemctl disable --now flanneld
systemctl enable --now selvedged
. /etc/default/selvedged
selvedge doctor --wait 60 $FLANNELD_OPTIONS || [ $? -eq 2 ] # 2: warnings alone
