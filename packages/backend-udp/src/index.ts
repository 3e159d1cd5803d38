export { type CounterName, ProxyCounters } from './proxy/counters.js'
export { type UdpOptions, udp, udpPreview } from './udp.js'
