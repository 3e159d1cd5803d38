set -eu
check='. /etc/default/selvedged && selvedge doctor --wait 60 $FLANNELD_OPTIONS'
for host in "$@"; do
  ssh "$host" systemctl restart selvedged
  ssh "$host" "$check" || [ $? -eq 2 ] # 2: warnings alone. What is fatal ends the loop, with the other hosts as they were
done
