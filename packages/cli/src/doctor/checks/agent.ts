import { duration } from '../../output/duration.js'
import { programText } from '../../output/program-text.js'
import { type Check, fatal, warning } from '../finding.js'
import { pageOf } from './known.js'

/** Drift that is older is history. */
const RECENT_MS = 10 * 60 * 1000
const MAX_SHOWN = 3

export const agentChecks: readonly Check[] = [
  {
    id: 'agent.absent',
    title: 'the agent runs',
    find: ({ agent, programs, controlSocket }) =>
      agent?.state === 'absent'
        ? [
            programs.has('flanneld')
              ? warning(
                  'flanneld runs here, and no selvedged: what only an agent knows is not checked',
                  'selvedge plan shows what selvedged would change',
                )
              : fatal(
                  `no agent answers at ${controlSocket}: nothing is healed, and the lease is not renewed`,
                  'systemctl start selvedged, or name its socket: --control-socket',
                ),
          ]
        : [],
  },
  {
    id: 'agent.silent',
    title: 'the agent answers',
    find: ({ agent }) =>
      agent?.state === 'silent'
        ? [
            fatal(
              `the agent runs, and does not answer: ${agent.why}`,
              'systemctl restart selvedged; packets are carried meanwhile',
            ),
          ]
        : [],
  },
  {
    id: 'agent.denied',
    title: 'the agent may be asked',
    find: ({ agent }) =>
      agent?.state === 'denied' || agent?.state === 'other'
        ? [
            warning(
              agent.why,
              agent.state === 'denied' ? 'sudo selvedge doctor' : 'use the selvedge that came with the agent',
            ),
          ]
        : [],
  },
  {
    id: 'agent.not-ready',
    title: 'the agent has a subnet',
    find: (facts) => {
      const page = pageOf(facts)
      return page === undefined || page.ready
        ? []
        : [
            fatal(
              `the agent is not ready: ${page.waitingFor}`,
              'other findings here say why; else its log does: journalctl -u selvedged',
            ),
          ]
    },
  },
  {
    id: 'agent.refused-entries',
    title: 'the kernel takes what the agent writes',
    find: (facts) => {
      const { failed = 0, failures = [] } = pageOf(facts)?.kernel ?? {}
      if (failed === 0) return []
      const shown = failures.slice(0, MAX_SHOWN).map(({ key, message }) => `${key}: ${message}`)
      return [
        fatal(
          `${failed} entries cannot be written: ${shown.join('; ')}`,
          'do what each message says; they are tried again by themselves',
        ),
      ]
    },
  },
  {
    id: 'agent.drift',
    title: 'no other program changes what the agent writes',
    find: (facts) => {
      const recent = (pageOf(facts)?.drift.last ?? []).filter(({ at }) => facts.now - at < RECENT_MS)
      const [last] = recent
      if (last === undefined) return []
      const by = recent.find((each) => each.by !== undefined)?.by
      const who = by === undefined ? 'another program' : programText(by)
      return [
        warning(
          `${who} changed the overlay's entries, last ${duration(facts.now - last.at)} ago: ${last.key} was ${last.was}; it was restored`,
          remedyAgainst(by?.name),
        ),
      ]
    },
  },
  {
    id: 'agent.refused-peers',
    title: 'every lease can be followed',
    find: (facts) => {
      const refused = (pageOf(facts)?.peers ?? []).filter(
        ({ path, backendType }) => path === 'none' && backendType !== 'alloc',
      )
      if (refused.length === 0) return []
      const names = refused
        .slice(0, MAX_SHOWN)
        .map(({ key, publicIp }) => `${key} of ${publicIp ?? 'no address'}`)
      const own = pageOf(facts)?.node?.backend
      const others = refused.filter(({ backendType }) => backendType !== own).length
      return [
        others === refused.length
          ? warning(
              `${refused.length} peers have another backend than ${own}, and are not reached: ${names.join(', ')}`,
              'restart their agents if the config was changed; else give all hosts one network config',
            )
          : fatal(
              `${refused.length} peers are not reached, since their leases were refused: ${names.join(', ')}`,
              "the agent's log says why: journalctl -u selvedged; a record that no host has: selvedge leases release KEY --force",
            ),
      ]
    },
  },
]

/** What keeps a network manager from links that are not its own. */
function remedyAgainst(name: string | undefined): string {
  if (name?.startsWith('NetworkManager')) {
    return 'keep NetworkManager from it: [keyfile] unmanaged-devices=interface-name:flannel* in /etc/NetworkManager/conf.d/selvedge.conf'
  }
  if (name?.startsWith('systemd-network')) {
    return 'keep systemd-networkd from it: ManageForeignRoutes=no and ManageForeignRoutingPolicyRules=no in networkd.conf'
  }
  return "find out which program it is, and keep it from the overlay's entries: selvedge status, ip monitor"
}
