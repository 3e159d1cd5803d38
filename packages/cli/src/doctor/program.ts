import { flags } from '@selvedge/agent/flags'
import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf, parseCount, withStore } from '../options.js'
import { SOCKET } from '../status/program.js'
import { storeSettings } from '../store/store-flags.js'

const CNI_CONFIGS = '/etc/cni/net.d'
const CNI_PLUGINS = '/opt/cni/bin'
const SUBNET_FILE = flags['subnet-file'].fallback
const DEFAULT_WAIT_S = 60

export function addDoctorCommand(program: Command, io: CliIo): void {
  const command = program
    .command('doctor')
    .description('what is wrong with this host, its store, and the ways to its peers, and what mends it')
    .option('--control-socket <path>', `the agent's control socket (default ${SOCKET})`)
    .option('--subnet-file <path>', `the agent's subnet file (default ${SUBNET_FILE})`)
    .option(
      '--cni-config-dir <path>',
      `where the container runtime finds its conf list (default ${CNI_CONFIGS})`,
    )
    .option('--cni-bin-dir <path>', `where it finds CNI plugins (default ${CNI_PLUGINS})`)
    .option('--pre', 'only what matters before an agent is installed')
    .option('--wait [seconds]', `ask again until nothing is fatal (default ${DEFAULT_WAIT_S})`, parseCount)
    .addHelpText(
      'after',
      `
It changes nothing; to the first 16 peers it sends echo requests. Exit status 0: nothing is wrong;
1: something fatal is; 2: there are warnings. Give it the agent's flags of the store.

Examples:
  sudo selvedge doctor --etcd-endpoints=http://10.0.0.5:2379
  sudo selvedge doctor --pre
  sudo selvedge doctor --json | jq -r '.findings[].remedy'`,
    )
  withStore(command).action(async () => {
    const { doctorCommand } = await import('./doctor.js')
    const {
      controlSocket = io.variables.FLANNELD_CONTROL_SOCKET || SOCKET,
      subnetFile = io.variables.FLANNELD_SUBNET_FILE || SUBNET_FILE,
      cniConfigDir = CNI_CONFIGS,
      cniBinDir = CNI_PLUGINS,
      pre = false,
      wait,
    } = command.opts()
    await doctorCommand(contextOf(command, io), {
      controlSocket,
      subnetFile,
      cniConfigFolder: cniConfigDir,
      cniPluginFolder: cniBinDir,
      pre,
      store: storeSettings(command, io),
      waitSeconds: wait === true ? DEFAULT_WAIT_S : wait,
    })
  })
}
