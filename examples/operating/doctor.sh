. /etc/default/selvedged
selvedge doctor $FLANNELD_OPTIONS
