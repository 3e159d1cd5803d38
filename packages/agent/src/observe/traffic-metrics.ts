import type { DriverTraffic, PacketCount } from '@selvedge/core'
import { Counter, type Registry } from 'prom-client'

/** Adds the metrics of what drivers carry that move packets themselves. */
export function addTraffic(registers: Registry[], look: () => readonly DriverTraffic[]): void {
  const carried = (name: string, help: string, count: (of: PacketCount) => number): void => {
    new Counter({
      name,
      help,
      labelNames: ['driver', 'direction'],
      registers,
      collect() {
        this.reset()
        for (const { driver, sent, received } of look()) {
          this.inc({ driver, direction: 'sent' }, count(sent))
          this.inc({ driver, direction: 'received' }, count(received))
        }
      },
    })
  }
  carried(
    'selvedge_driver_packets_total',
    'Packets that a driver carried itself: sent to peers, received from them.',
    ({ packets }) => packets,
  )
  carried('selvedge_driver_bytes_total', 'Their bytes.', ({ bytes }) => bytes)
  new Counter({
    name: 'selvedge_driver_dropped_packets_total',
    help: 'Packets that a driver dropped, by the reason.',
    labelNames: ['driver', 'reason'],
    registers,
    collect() {
      this.reset()
      for (const { driver, dropped } of look()) {
        for (const [reason, packets] of Object.entries(dropped)) this.inc({ driver, reason }, packets)
      }
    },
  })
}
