import type { IkeDaemonResource } from '../resource.js'

/** What a charon of our own was started with, which it cannot be asked for. */
export type DaemonSettings = Pick<IkeDaemonResource, 'userspace' | 'udpEncap' | 'espProposal'>

const RECORD = '# selvedge '

/**
 * The plugins: keys' and packets' algorithms, ESP, the socket and vici. One that is not installed is left out by charon.
 */
const PLUGINS = [
  ...[
    'random',
    'nonce',
    'openssl',
    'kdf',
    'hmac',
    'sha1',
    'sha2',
    'aes',
    'gcm',
    'ccm',
    'ctr',
    'cmac',
    'xcbc',
  ],
  ...['chapoly', 'gmp', 'curve25519', 'kernel-netlink', 'socket-default', 'vici'],
]

/**
 * A charon's strongswan.conf.
 *
 * @param folder as charon sees the folder that it keeps its socket and log in
 */
export function strongswanConf(settings: DaemonSettings, folder: string): string {
  // Of two that bring ESP, the first counts.
  const plugins = [...(settings.userspace ? ['kernel-libipsec'] : []), ...PLUGINS]
  return `${RECORD}${JSON.stringify(settings)}
charon {
  load_modular = no
  load = ${plugins.join(' ')}
  # A peer that is back is reached within seconds, instead of the 76 that strongSwan's intervals grow to.
  retransmit_timeout = 1.0
  retransmit_base = 1.5
  retransmit_limit = 3
  retransmit_tries = 8
  filelog {
    log {
      path = ${folder}/charon.log
      append = yes
      flush_line = yes
      time_format = %Y-%m-%dT%H:%M:%S
      default = 0
      ike = 1
      knl = 1
      net = 0
      enc = 0
    }
  }
  plugins {
    vici {
      socket = unix://${folder}/charon.vici
    }
  }
}
`
}

/** What a strongswan.conf of ours was made from; undefined if it is none. */
export function recordedSettings(conf: string): DaemonSettings | undefined {
  const [line = ''] = conf.split('\n', 1)
  if (!line.startsWith(RECORD)) return undefined
  try {
    return JSON.parse(line.slice(RECORD.length)) as DaemonSettings
  } catch {
    return undefined
  }
}
