import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Child, type Host, type Lab, until } from '@selvedge/lab'
import { strongswanConf } from '../src/charon/config.js'
import { ViciClient } from '../src/vici/client.js'

export interface FlannelTunnel {
  /** Public address and subnet of the host itself, and of the other. */
  readonly local: { readonly address: string; readonly subnet: string }
  readonly remote: { readonly address: string; readonly subnet: string }
  readonly psk: string
  readonly udpEncap?: boolean
}

/**
 * A host as flanneld v0.20 configures it with ipsec: charon, policies and a connection, as its sources have them. Without
 * ESP in the kernel, flanneld has no traffic: there this host differs in that charon does ESP and keeps the policies.
 */
export class FlannelHost {
  readonly folder: string
  readonly #host: Host
  readonly #userspace: boolean

  private constructor(host: Host, folder: string, userspace: boolean) {
    this.folder = folder
    this.#host = host
    this.#userspace = userspace
  }

  static async start(lab: Lab, host: Host, userspace: boolean): Promise<FlannelHost> {
    const folder = join(lab.directory, host.name, 'ipsec')
    const one = new FlannelHost(host, folder, userspace)
    await startCharon(host, folder, userspace)
    await until('charon to listen', async () => {
      using client = await ViciClient.open(one.uri)
      return client === undefined ? undefined : true
    })
    return one
  }

  get uri(): string {
    return `unix://${join(this.folder, 'charon.vici')}`
  }

  async connect({ local, remote, psk, udpEncap = false }: FlannelTunnel): Promise<void> {
    if (!this.#userspace) {
      const policy = async (from: typeof local, to: typeof local, direction: string) =>
        this.#host.ip(
          ...['xfrm', 'policy', 'add', 'src', from.subnet, 'dst', to.subnet, 'dir', direction],
          ...[
            'tmpl',
            'src',
            from.address,
            'dst',
            to.address,
            'proto',
            'esp',
            'reqid',
            '11',
            'mode',
            'tunnel',
          ],
        )
      await policy(local, remote, 'out')
      await policy(remote, local, 'in')
      await policy(remote, local, 'fwd')
    }
    using client = await ViciClient.open(this.uri)
    for (const { address } of [local, remote]) {
      await client?.command('load-shared', { type: 'IKE', data: psk, owners: [address] })
    }
    const child = {
      local_ts: [local.subnet],
      remote_ts: [remote.subnet],
      esp_proposals: ['aes128gcm16-sha256-prfsha256-ecp256'],
      start_action: 'start',
      close_action: 'trap',
      dpd_action: 'restart',
      mode: 'tunnel',
      rekey_time: '1h',
      ...(this.#userspace ? { policies: 'yes' } : { policies: 'no', reqid: '11' }),
    }
    await client?.command('load-conn', {
      [`${local.address}-${local.subnet}-${remote.subnet}-${remote.address}`]: {
        local_addrs: [local.address],
        remote_addrs: [remote.address],
        proposals: ['aes256-sha256-modp4096'],
        version: '2',
        keyingtries: '0',
        encap: udpEncap ? 'yes' : 'no',
        local: { auth: 'psk' },
        remote: { auth: 'psk' },
        children: { [`${local.subnet}-${remote.subnet}`]: child },
      },
    })
  }
}

/**
 * Starts a charon, as an operator does.
 *
 * @param folder of its configuration, socket and log
 * @param viciUri where it listens. Default: `charon.vici` in its folder.
 */
export async function startCharon(
  host: Host,
  folder: string,
  userspace: boolean,
  viciUri?: string,
): Promise<Child> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await rm(join(folder, 'charon.pid'), { force: true })
  const conf = strongswanConf({ userspace, udpEncap: false, espProposal: '' }, '/var/run')
  const text = viciUri === undefined ? conf : conf.replace('unix:///var/run/charon.vici', viciUri)
  await writeFile(join(folder, 'strongswan.conf'), text)
  const start =
    'mount --bind "$1" /var/run && exec env STRONGSWAN_CONF=/var/run/strongswan.conf /usr/lib/ipsec/charon'
  const child = host.spawn('unshare', ['--mount', 'sh', '-c', start, 'sh', folder])
  child.stdout.resume()
  child.stderr.resume()
  return child
}
