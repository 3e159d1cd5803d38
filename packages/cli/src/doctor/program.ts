import { UsageError } from '@selvedge/agent/flags'
import { parseCidr, quote } from '@selvedge/core/kit'
import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf, parseCount, withAgentFlags } from '../options.js'
import { SOCKET } from '../status/program.js'
import { AGENT_FLAGS, settingsOf } from '../store/store-flags.js'

const CNI_CONFIGS = '/etc/cni/net.d'
const CNI_PLUGINS = '/opt/cni/bin'
const DEFAULT_WAIT_S = 60

export function addDoctorCommand(program: Command, io: CliIo): void {
  const command = program
    .command('doctor')
    .description('what is wrong with this host, its store, and the ways to its peers, and what mends it')
    .option('--json', 'print one JSON document, for programs')
    .option('--pre', 'only what matters before an agent is installed; it asks neither agent nor store')
    .option('--backend <type>', 'the backend that is to run here, with --pre (such as vxlan)')
    .option('--network <cidrs>', 'the networks that pods are to have, with --pre, separated by commas')
    .option('--wait [seconds]', `ask again until nothing is fatal (default ${DEFAULT_WAIT_S})`, parseCount)
    .option(
      '--cni-config-dir <path>',
      `where the container runtime finds its conf list (default ${CNI_CONFIGS})`,
    )
    .option('--cni-bin-dir <path>', `where it finds CNI plugins (default ${CNI_PLUGINS})`)
    .addHelpText(
      'after',
      `
It changes nothing; to peers it sends echo requests. Exit status 0: nothing is wrong; 1: something
fatal is; 2: there are warnings. Give it the agent's flags: without an agent that answers, what one
with these flags would write is compared with what the kernel has.

Examples:
  sudo selvedge doctor --etcd-endpoints=http://10.0.0.5:2379 --ip-masq
  sudo selvedge doctor --pre --backend vxlan --network 10.244.0.0/16
  sudo selvedge doctor --json | jq -r '.findings[].remedy'`,
    )
  withAgentFlags(command)
  command.action(async () => {
    const { doctorCommand } = await import('./doctor.js')
    const {
      controlSocket = io.variables.FLANNELD_CONTROL_SOCKET || SOCKET,
      cniConfigDir = CNI_CONFIGS,
      cniBinDir = CNI_PLUGINS,
      pre = false,
      backend,
      network,
      wait,
    } = command.opts()
    await doctorCommand(contextOf(command, io), {
      settings: settingsOf(command, io, AGENT_FLAGS),
      controlSocket,
      cniConfigFolder: cniConfigDir,
      cniPluginFolder: cniBinDir,
      pre,
      asked: { backend: backend?.toLowerCase(), networks: readNetworks(network) },
      waitSeconds: wait === true ? DEFAULT_WAIT_S : wait,
    })
  })
}

function readNetworks(text = ''): readonly string[] {
  const networks = text.split(',').filter((each) => each !== '')
  for (const network of networks) {
    if (parseCidr(network) === undefined)
      throw new UsageError(`--network ${quote(network)}: it must be a network such as 10.244.0.0/16`)
  }
  return networks
}
