/**
 * Writes rules by iptables-legacy while another program has the lock, in a network namespace and with a /run of its own:
 * once until it gives up, once while the other lets go. Prints both results as JSON.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { firewall, ruleset } from '@selvedge/firewall'

const LOCK = '/run/xtables.lock'
const text =
  '*filter\n:FLANNEL-FWD - [0:0]\n-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD\nCOMMIT\n'
const operations = [{ type: 'put', resource: ruleset('iptables', 4, text) }]

const driver = firewall({ iptables: 'legacy' })
const holder = spawn('flock', [LOCK, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
holder.stdin.write('locked')
await once(holder.stdout, 'data')
const ended = once(holder, 'close')

const [locked] = await driver.apply(operations)
const waiting = driver.apply(operations)
while (!/^\d+: -> FLOCK/m.test(await readFile('/proc/locks', 'utf8')));
holder.stdin.end()
const [waited] = await waiting
await ended
const { code, message } = locked.error
console.log(JSON.stringify({ pid: holder.pid, locked: { code, message }, waited }))
await driver[Symbol.asyncDispose]()
