export { type CounterName, ProxyCounters } from './proxy/counters.js'
export { type UdpOptions, udp } from './udp.js'
