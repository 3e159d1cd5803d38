/**
 * The pages of `selvedge` as a terminal shows them, of a host in trouble: the pictures in the documents. With
 * SELVEDGE_SCREENS=write the pictures are made again.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from '../rig.js'
import { controlSocketOf, filesOf } from '../selvedged.js'
import { SELVEDGE } from './selvedge.js'
import { terminalSvg, withoutColours } from './terminal-svg.js'

const picture = (name: string): string =>
  fileURLToPath(new URL(`../../../../docs/selvedge-${name}.svg`, import.meta.url))

/** What names the parts of a page: heads of columns, and of fields. They change with the page, and with nothing else. */
const namesIn = (text: string): readonly string[] => {
  const found =
    text.match(/^(?:[A-Z][A-Z ]+$|[A-Z][A-Za-z. ]+?(?= {2,}|:)|[A-Z]{3,}(?: +[A-Z]{2,})+)/gm) ?? []
  // How wide a column is depends on what is in it.
  return [...new Set(found.map((name) => name.replaceAll(/ +/g, ' ')))]
}

test('status, inspect and doctor, as a terminal shows them, are as in the documents', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 4 })
  const [first, second, third] = rig.lab.hosts
  if (first === undefined || second === undefined || third === undefined) throw new Error('hosts are missing')
  const { agents } = await rig.joinAll({ args: ['-probe-peers'] })
  const { subnetFile, leaseCache } = filesOf(rig.lab, first)
  const flags = [
    `--control-socket=${controlSocketOf(subnetFile)}`,
    `--etcd-endpoints=${rig.etcd.endpoint}`,
    `--subnet-file=${subnetFile}`,
    `--lease-cache=${leaseCache}`,
    '--iptables-forward-rules=false',
  ]
  /** In a terminal of 100 columns: a page has colours for those alone. */
  const onTerminal = async (command: string, always: readonly string[]): Promise<string> => {
    const line = ['env', '-u', 'NO_COLOR', 'TERM=xterm', process.execPath, SELVEDGE, command, ...always].join(
      ' ',
    )
    const script = `stty cols 100 rows 60; ${line}; true`
    return first.exec('script', ['-qec', `sh -c '${script}'`, '/dev/null'], { timeoutMs: 60_000 })
  }

  // One peer is not reached, one route was deleted by another program, and the kernel does not forward.
  const peer = (await agents[1]?.ready())?.subnet ?? ''
  await third.exec('iptables', ['-I', 'INPUT', '-p', 'udp', '--dport', '8472', '-j', 'DROP'])
  await first.ip('route', 'delete', peer)
  await first.exec('sysctl', ['-qw', 'net.ipv4.ip_forward=0'])
  // All that there is to be told, and the config is compared only now and then.
  const status = await until('the probes to have found the peer that is not reached', async () => {
    const screen = await onTerminal('status', flags.slice(0, 2))
    const page = withoutColours(screen)
    const isWhole = [/lost on the way|unreachable/, /changed by others/, /^Config /m, /^Kernel +in sync/m]
    return isWhole.every((pattern) => pattern.test(page)) ? screen : undefined
  })

  const pages = {
    status,
    inspect: await onTerminal('inspect', flags),
    doctor: await onTerminal('doctor', flags),
  }
  for (const [name, screen] of Object.entries(pages)) {
    expect(screen, name).toContain('\u001b[')
    for (const line of withoutColours(screen).split('\n')) expect(line.length, line).toBeLessThanOrEqual(100)
    const command = `$ sudo selvedge ${name}\n`
    if (process.env.SELVEDGE_SCREENS === 'write') {
      await writeFile(picture(name), terminalSvg(`selvedge ${name}`, command + screen))
    }
    const shown = (await readFile(picture(name), 'utf8'))
      .replaceAll(/<title>.*<\/title>/g, '')
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll('\u00a0', ' ')
    expect(namesIn(shown), `docs/selvedge-${name}.svg is not as the page is: npm run screens`).toEqual(
      namesIn(withoutColours(screen)),
    )
  }
}, 120_000)
