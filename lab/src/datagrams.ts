import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Child } from './namespace.js'
import { until } from './until.js'

/** Prints each datagram that comes to a UNIX socket as a line. Perl is part of every Debian. */
const RECEIVER = `
use Socket;
$| = 1;
my $path = shift;
my $address = $path =~ /^@(.*)/ ? pack('S a*', AF_UNIX, "\\0$1") : pack_sockaddr_un($path);
my ($socket, $datagram);
socket($socket, PF_UNIX, SOCK_DGRAM, 0) && bind($socket, $address) or die "$path: $!";
print "listening\\n";
while (defined recv($socket, $datagram, 4096, 0)) { $datagram =~ s/\\n/ /g; print "$datagram\\n" }
`

/** A UNIX datagram socket, such as systemd's, and what has come to it. */
export class Datagrams implements AsyncDisposable {
  readonly received: string[] = []
  readonly #child: Child

  private constructor(child: Child) {
    this.#child = child
    createInterface(child.stdout).on('line', (line) => this.received.push(line))
  }

  /** @param path of the socket; in the abstract namespace if it begins with `@` */
  static async listen(path: string): Promise<Datagrams> {
    const child = spawn('perl', ['-e', RECEIVER, path], { stdio: ['ignore', 'pipe', 'pipe'] })
    let errorOutput = ''
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      errorOutput += chunk
    })
    const datagrams = new Datagrams(child)
    await until(`a socket at ${path}`, () => {
      if (child.exitCode !== null) throw new Error(`perl ended: ${errorOutput}`)
      return datagrams.received.shift()
    })
    return datagrams
  }

  /** Resolves once this, or what it matches, has come. */
  async receiving(expected: string | RegExp): Promise<void> {
    const isExpected = (text: string) =>
      typeof expected === 'string' ? text === expected : expected.test(text)
    await until(`the datagram '${expected}'`, () => this.received.some(isExpected) || undefined).catch(
      (error) => {
        throw new Error(`${error.message}; instead: ${this.received.join(', ')}`, { cause: error })
      },
    )
  }

  /** Stops reading, so that what comes piles up. */
  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
  }
}
