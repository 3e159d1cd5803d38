promtool query instant http://127.0.0.1:9090 'selvedge_in_sync'
promtool query instant http://127.0.0.1:9090 'sum(selvedge_peers)'
