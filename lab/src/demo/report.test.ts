import { beforeEach, expect, test } from 'vitest'
import { JsonReport, type Report, TextReport } from './report.js'

let output = ''
const write = (text: string) => {
  output += text
}
beforeEach(() => {
  output = ''
})

const matrix = [
  { from: 'h1p1', to: 'h2p1', address: '10.244.2.2', sent: 5, lost: 0 },
  { from: 'h2p1', to: 'h1p1', address: '10.244.1.2', sent: 5, lost: 1 },
]

function fill(report: Report): void {
  report.heading('Leases')
  report.hosts([
    {
      name: 'h1',
      lease: {
        subnet: '10.244.1.0/24',
        attributes: { publicIp: '192.168.77.1', backendType: 'vxlan', backendData: { VNI: 1 } },
      },
      mtu: 1450,
      joinedAfter: 123.4,
    },
  ])
  report.view({ host: 'h1', outputs: [{ command: 'ip route', output: 'a \nb\n' }] })
  report.reachability('before', matrix)
  report.arrivals([
    { from: 'h1p1', to: 'h2p1', source: '10.244.1.2', owner: 'h1p1' },
    { from: 'h1p1', to: 'outside', source: '192.168.77.1', owner: 'h1' },
  ])
  report.repair({
    host: 'h1',
    command: 'ip route delete 10.244.2.0/24',
    healedAfter: 1.84,
    events: [
      { time: 0, text: 'Deleted 10.244.2.0/24\\    link' },
      { time: 1.84, text: '10.244.2.0/24' },
    ],
  })
  report.end()
}

test('text is in columns', () => {
  fill(new TextReport(write))
  expect(output).toBe(`
Leases
  host  public IP     subnet         MTU   backend data  ready after
  h1    192.168.77.1  10.244.1.0/24  1450  {"VNI":1}     123 ms

  h1# ip route
    a
    b
  loss  h1p1  h2p1
  h1p1  -     0%
  h2p1  20%   -
  10 echo requests, 1 lost
  from  to       source address
  h1p1  h2p1     10.244.1.2      its own
  h1p1  outside  192.168.77.1    that of h1: masqueraded
  h1# ip route delete 10.244.2.0/24
       +0.0 ms  Deleted 10.244.2.0/24 link
       +1.8 ms  10.244.2.0/24
    healed in 1.8 ms

1 of 10 packets were lost.
`)
})

test('programs read one JSON document', () => {
  fill(new JsonReport(write, { backend: 'vxlan', kernel: 'linux' }))
  expect(JSON.parse(output)).toMatchObject({
    backend: 'vxlan',
    hosts: [{ name: 'h1', lease: { subnet: '10.244.1.0/24' } }],
    reachability: [{ when: 'before', entries: matrix }],
    arrivals: [{ owner: 'h1p1' }, { owner: 'h1' }],
    repairs: [{ healedAfter: 1.84 }],
    sent: 10,
    lost: 1,
  })
})
