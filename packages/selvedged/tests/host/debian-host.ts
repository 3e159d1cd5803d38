import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Host, type Lab, run, until } from '@selvedge/lab'
import { debian12 } from '../../../../scripts/debian-12.mjs'

/**
 * What a process of init's place does in a new mount and PID namespace: Debian 12 over which a tmpfs takes what is written.
 * The shell at its end collects processes that have lost their parent, as init does.
 */
const BOOT = `
mount -t tmpfs selvedge-test "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay selvedge-test -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount -t sysfs sysfs "$2/root/sys"
mount -t tmpfs selvedge-test "$2/root/run"
exec chroot "$2/root" sh -c 'while :; do sleep 86400 & wait $!; done'`

/**
 * A clean Debian 12 on a host of a lab: files, processes and network are its own, and go with the lab. It has no service
 * manager.
 */
export class DebianHost {
  readonly #host: Host
  /** Of the process in init's place, as the machine sees it. */
  readonly #pid: number

  private constructor(host: Host, pid: number) {
    this.#host = host
    this.#pid = pid
  }

  static async boot(lab: Lab, host: Host): Promise<DebianHost> {
    const folder = join(lab.directory, host.name, 'debian')
    await mkdir(folder, { recursive: true })
    const separate = ['--mount', '--pid', '--fork', '--kill-child']
    const child = host.spawn('unshare', [...separate, 'sh', '-ec', BOOT, 'sh', debian12, folder])
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text
    })
    const pid = await until('Debian 12 to be up', async () => {
      if (child.exitCode !== null) throw new Error(`it did not come up: ${said}`)
      const init = Number(await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
      const command = await readFile(`/proc/${init}/cmdline`, 'utf8').catch(() => '')
      return command.startsWith('sh\0-c\0') ? init : undefined
    })
    return new DebianHost(host, pid)
  }

  /** Runs a shell command there. */
  sh(command: string): Promise<string> {
    const enter = [`--target=${this.#pid}`, '--mount', '--pid', '--net', '--root', '--wd']
    const variables = [
      '-i',
      'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
      'DEBIAN_FRONTEND=noninteractive',
      'LC_ALL=C',
    ]
    return run('nsenter', [...enter, 'env', ...variables, 'sh', '-ec', command], {
      timeoutMs: 40_000,
      signal: this.#host.signal,
    })
  }

  /** The path at which this process finds a file of it. */
  path(file: string): string {
    return `/proc/${this.#pid}/root${file}`
  }

  /** Runs shell commands there in a folder that has a copy of a file, and nothing else. */
  async withFile(file: string, commands: string): Promise<string> {
    await this.sh('mkdir /run/here')
    await copyFile(file, this.path(`/run/here/${basename(file)}`))
    const said = await this.sh(`cd /run/here\n${commands}`)
    await this.sh('rm -r /run/here')
    return said
  }

  /** Every file, apart from the records of dpkg and apt. */
  async files(): Promise<string[]> {
    const found = await this.sh("find / -xdev -printf '%p %y %m %l\\n'; find /run -printf '%p %y %m\\n'")
    return found
      .split('\n')
      .filter(
        (line) =>
          !/^\/var\/(lib\/(dpkg|apt)|cache\/(apt|debconf|ldconfig)|log\/(dpkg\.log|apt))/.test(line) &&
          line !== '',
      )
      .sort()
  }

  /** What the kernel holds for its network. iptables' own tables stay, empty, once they were used. */
  async kernel(): Promise<string> {
    const shown = [
      'ip -br link',
      'ip route',
      'ip -6 route',
      'ip rule',
      'ip nexthop',
      'iptables-save | grep -E "^(-A|:.* - )"',
    ]
    return (await this.sh(shown.map((one) => `echo '> ${one}'; ${one} || true`).join('\n')))
      .replaceAll(/\[\d+:\d+\]/g, '')
      .replaceAll(/ pref \w+$/gm, '')
  }
}
