import { expect, test } from 'vitest'
import { agentOf } from './running-agents.js'

test.each([
  ['/usr/bin/selvedged\0--ip-masq\0', 'selvedged'],
  ['flanneld\0-etcd-endpoints=http://10.0.0.5:2379\0', 'flanneld'],
  ['/usr/lib/selvedge/node\0/usr/lib/selvedge/bin/selvedged.js\0--ip-masq\0', 'selvedged'],
  ['node\0/usr/lib/selvedged/bin/selvedge.js\0cleanup\0', undefined],
  ['/bin/sh\0/usr/sbin/selvedged-service\0start\0', 'selvedged-service'],
  // Its title, without the password that it was given.
  ['selvedged --etcd-password=[redacted] --ip-masq\0', 'selvedged'],
  ['tail\0-f\0/var/log/selvedged\0', undefined],
  ['vi\0flanneld\0', undefined],
  ['', undefined],
])('%j starts %s', (commandLine, expected) => {
  expect(agentOf(commandLine)).toBe(expected)
})
