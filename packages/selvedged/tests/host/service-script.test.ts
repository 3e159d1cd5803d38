/** The start script for hosts without a service manager, run by Debian's shell and by busybox with its own tools alone. */
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const SCRIPT = fileURLToPath(new URL('../../../../deploy/host/selvedged-service', import.meta.url))

/** In the agent's place: it notes each start with its process id and its flags, and ends as AGENT says. */
const AGENT = `#!/bin/sh
echo "$$ $*" >> /run/starts
[ -z "\${AGENT_STATUS:-}" ] || { sleep 0.5; exit "$AGENT_STATUS"; }
trap 'exit 0' TERM
while :; do sleep 0.1; done
`

/** Of a case: what init does first. Files, processes and the shell at /bin/sh are its own, and end with it. */
const BOOT = `
for folder in /run /var/lib /var/cache /var/log; do mount -t tmpfs selvedge-test "$folder"; done
if [ "$1" = busybox ]; then
  mkdir /run/tools
  "$(command -v busybox)" --install -s /run/tools
  mount --bind "$(readlink -f "$(command -v busybox)")" "$(readlink -f /bin/sh)"
  PATH=/run/tools
fi
service() { "$0/selvedged-service" "$@"; }
starts() { [ ! -e /run/starts ] || cat /run/starts; }
# until_true COMMAND...: within 20 s.
until_true() {
  tenths=0
  until "$@" > /dev/null 2>&1; do
    tenths=$((tenths + 1))
    [ "$tenths" -lt 200 ] || { echo "never: $*" >&2; exit 99; }
    sleep 0.1
  done
}
# Whether there are so many agents and supervisors; whether so many agents were started.
agents() { [ "$(grep -l "$0/[s]elvedged" /proc/[0-9]*/cmdline 2>/dev/null | wc -l)" -eq "$1" ]; }
started() { [ "$(starts | wc -l)" -ge "$1" ]; }
`

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-service-'))
  await copyFile(SCRIPT, join(folder, 'selvedged-service'))
  await writeFile(join(folder, 'selvedged'), AGENT)
  await writeFile(join(folder, 'settings'), 'FLANNELD_OPTIONS="--iface=eth1 --ip-masq"\n')
  for (const name of ['selvedged-service', 'selvedged']) await chmod(join(folder, name), 0o755)
})
afterAll(() => rm(folder, { recursive: true }))

describe.each(['dash', 'busybox'])('by %s', (shell) => {
  const inCase = (commands: string) =>
    run(
      'unshare',
      [
        ...['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
        ...['env', `SELVEDGED_SETTINGS=${folder}/settings`],
        ...['/bin/sh', '-euc', `${BOOT}\n${commands}`, folder, shell],
      ],
      { timeoutMs: 40_000 },
    )

  test('starts, says so, restarts and stops the agent', async () => {
    const said = await inCase(`
      service status || echo "status $?"
      service start; until_true service status
      starts | grep -c -- "--iface=eth1 --ip-masq"
      service restart; until_true started 2
      until_true service status
      service stop
      service status || echo "status $?"
      service stop && echo stopped again
      until_true agents 0
      ls -A /run/selvedge`)
    expect(said.trim().split('\n')).toEqual([
      'selvedged does not run',
      'status 3',
      '1',
      'selvedged does not run',
      'status 3',
      'stopped again',
    ])
  })

  test('started ten times at once, there is one agent', async () => {
    const said = await inCase(`
      for one in 1 2 3 4 5 6 7 8 9 10; do service start & done
      wait
      until_true started 1
      # One that came later would be a process by now: each start has returned.
      grep -l "[s]upervise" /proc/[0-9]*/cmdline 2>/dev/null | wc -l
      starts | wc -l`)
    expect(said.trim().split('\n')).toEqual(['1', '1'])
  })

  test('an agent that is killed is started again, and one whose supervisor was killed is not left beside a new one', async () => {
    const said = await inCase(`
      service start; until_true service status
      kill -KILL "$(cat /run/selvedge/agent.pid)"
      until_true [ -e /run/selvedge/agent.pid ]
      until_true started 2
      kill -KILL "$(cat /run/selvedge/supervisor.pid)"
      service start
      until_true started 3
      until_true service status
      for old in $(head -n 2 /run/starts | cut -d " " -f 1); do
        [ ! -d "/proc/$old" ] || tr "\\0" " " < "/proc/$old/cmdline"
      done
      service stop; until_true agents 0; echo none left`)
    expect(said.trim()).toBe('none left')
  })

  test('a start that was killed keeps no other from starting', async () => {
    const said = await inCase(`
      mkdir /run/selvedge
      # Of no process, of another program's, and of no number.
      sleep 100 & other=$!
      for holder in 99999999 "$other" 'no number'; do
        ln -s "$holder" /run/selvedge/lock
        service restart; until_true service status
        [ ! -L /run/selvedge/lock ] && echo free
      done`)
    expect(said.match(/^free$/gm)).toHaveLength(3)
  })

  test('a process that has the id of an agent that is gone is not touched', async () => {
    const said = await inCase(`
      mkdir /run/selvedge
      sleep 100 & other=$!
      echo "$other" > /run/selvedge/supervisor.pid
      echo "$other" > /run/selvedge/agent.pid
      service stop
      service status || echo "status $?"
      service start; until_true service status
      service stop
      kill -0 "$other" && echo it runs`)
    expect(said.trim().split('\n').slice(1)).toEqual(['status 3', 'it runs'])
  })

  test.each(['', 'no number', '-1', '0', '99999999'])(
    'a pid file of "%s" is one of no process',
    async (content) => {
      const said = await inCase(`
      mkdir /run/selvedge
      printf '%s' '${content}' > /run/selvedge/supervisor.pid
      printf '%s' '${content}' > /run/selvedge/agent.pid
      service status || echo "status $?"
      service stop
      service start; until_true service status; echo started`)
      expect(said.trim().split('\n').slice(1)).toEqual(['status 3', 'started'])
    },
  )

  test('invalid flags end it, and another status does not', async () => {
    const said = await inCase(`
      AGENT_STATUS=2 service start
      until_true [ ! -e /run/selvedge/supervisor.pid ]
      starts | wc -l
      AGENT_STATUS=1 service start
      until_true started 3
      service stop
      until_true agents 0
      echo stopped`)
    expect(said.trim().split('\n')).toEqual(['1', 'stopped'])
  })
})
