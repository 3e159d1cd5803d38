import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Host, run } from '@selvedge/lab'
import type { Rig } from '../../../rig.js'
import type { Bench } from '../bench.js'
import type { Fault } from '../fault.js'
import { behindItsBack, free, lease, startAgent } from './records.js'

/** What a site has as its network: each host's commands are in a folder of its own. */
export const EXTENSION_CONFIG = {
  Network: '10.244.0.0/16',
  Backend: {
    Type: 'extension',
    // With one, the commands of peers are run again at each start.
    PostStartupCommand: 'true',
    SubnetAddCommand: '$COMMANDS/add $SUBNET $PUBLIC_IP',
    SubnetRemoveCommand: '$COMMANDS/remove $SUBNET $PUBLIC_IP',
  },
}

const ADD = '#!/bin/sh\nexec ip route replace "$1" via "$2"\n'
const REMOVE = '#!/bin/sh\nip route delete "$1" via "$2" || true\n'

/** Writes a host's commands. */
export async function writeCommands({ lab }: Rig, { name }: Host): Promise<{ readonly COMMANDS: string }> {
  const COMMANDS = join(lab.directory, name, 'commands')
  await mkdir(COMMANDS, { recursive: true })
  await writeCommand(join(COMMANDS, 'add'), ADD)
  await writeCommand(join(COMMANDS, 'remove'), REMOVE)
  return { COMMANDS }
}

async function writeCommand(path: string, text: string): Promise<void> {
  await writeFile(path, text)
  await chmod(path, 0o755)
}

const addOf = ({ folder }: Bench): string => join(folder, 'commands', 'add')

/** As of now: an agent runs the commands of all peers when it starts. */
const startWith = (harm: (path: string) => Promise<unknown>) => async (bench: Bench) => {
  await bench.agent.kill()
  await harm(addOf(bench))
  bench.beginAgent()
  await bench.agent.logged('lease acquired', { timeout: 30_000 })
}

const restore = async (bench: Bench): Promise<void> => {
  await writeCommand(addOf(bench), ADD)
  await bench.agent.inSync()
}

const hang = (path: string): Promise<void> =>
  writeCommand(path, '#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 600\n')

async function endHanging(bench: Bench): Promise<void> {
  await writeCommand(addOf(bench), ADD)
  await bench.sh(`kill $(cat ${addOf(bench)}.pid)`)
  await bench.agent.inSync()
}

/** Of hosts whose network is what the commands of the config make it. */
export const EXTENSION: readonly Fault[] = [
  {
    name: 'the command for peers is missing',
    id: 'agent.refused-entries',
    says: /SubnetAddCommand for 10\.244\.\d+\.0\/24 failed: add is not found/,
    inject: startWith((path) => run('rm', [path])),
    mend: restore,
  },
  {
    name: 'the command for peers fails',
    id: 'agent.refused-entries',
    says: /SubnetAddCommand for 10\.244\.\d+\.0\/24 failed: add exited with status 7: no such switch/,
    inject: startWith((path) => writeCommand(path, '#!/bin/sh\necho no such switch >&2\nexit 7\n')),
    mend: restore,
  },
  {
    name: 'the command for a peer hangs',
    id: 'kernel.entry-missing',
    says: /command 10\.244\.\d+\.0\/24 by SubnetAddCommand has begun, and not succeeded, for 10\.244\./,
    inject: startWith(hang),
    mend: endHanging,
  },
  {
    name: 'the command for a peer hangs, and the next peer waits',
    id: 'kernel.not-in-sync',
    says: /holds \d+ of \d+ entries/,
    inject: async (bench) => {
      const record = { BackendType: 'extension', BackendData: '' }
      await startWith(async (path) => {
        await hang(path)
        await bench.sh('rm -r /run/flannel/extension')
        await bench.rig.etcd.put(free(bench), lease('192.168.77.66', record))
      })(bench)
    },
    mend: async (bench) => {
      await bench.rig.etcd.delete(free(bench))
      await endHanging(bench)
    },
  },
  {
    name: 'a cleaner of /run has taken what was run for the peers, and no agent runs',
    id: 'kernel.entry-missing',
    says: /command 10\.244\.\d+\.0\/24 by SubnetAddCommand is missing, for 10\.244\./,
    inject: behindItsBack('rm -r /run/flannel/extension'),
    mend: startAgent,
  },
]
