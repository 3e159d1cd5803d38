set -eu
systemctl disable --now selvedged
systemctl enable --now flanneld
