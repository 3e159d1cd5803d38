/**
 * Runs a command on Debian's kernel, in an emulated machine: qemu without KVM, so that it needs no rights and no support of
 * the processor. The command sees this machine's files; what it writes is gone with it. It has no network but its own.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SetupError } from '../terminal.mjs'
import { image } from './image.mjs'

/**
 * Emulated, a processor is 5 to 10 times slower.
 *
 * @param command argv
 * @param env what is set besides `PATH`, `HOME` and `TMPDIR`
 * @param seconds after which it is ended. Default: 900.
 * @param megabytes of memory, which what it writes comes out of. Default: 3,072.
 * @returns the command's exit status
 * @throws {SetupError} with the kernel's last lines, if the machine ended without the command's
 */
export async function runOnKernel(command, { cwd, env = {}, seconds = 900, megabytes = 3072 }) {
  const work = await mkdtemp(join(tmpdir(), 'selvedge-kernel-'))
  const [script, serial] = [join(work, 'script'), join(work, 'console')]
  try {
    // Its own: what lies in this machine's /tmp may change under its eyes.
    const variables = {
      PATH: process.env.PATH,
      HOME: process.env.HOME ?? '/root',
      TMPDIR: '/run/tmp',
      ...env,
    }
    const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`)
    const lines = [...exports, `cd ${quoted(cwd)}`, command.map(quoted).join(' ')]
    await writeFile(script, `${lines.join('\n')}\n`)
    const ending = await start(
      [
        ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', String(megabytes)],
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
        ...['-kernel', image.kernel, '-initrd', image.initramfs],
        '-append',
        `console=ttyS0 quiet panic=-1 selvedge.script=${script} selvedge.modules=${image.modules}`,
        ...['-fsdev', 'local,id=files,path=/,security_model=none,readonly=on,multidevs=remap'],
        ...['-device', 'virtio-9p-pci,fsdev=files,mount_tag=files'],
        ...['-serial', `file:${serial}`, '-serial', 'stdio'],
      ],
      seconds,
    )
    const said = await readFile(serial, 'utf8').catch(() => '')
    const status = /^exit status (\d+)/m.exec(said)?.[1]
    if (status !== undefined) return Number(status)
    throw new SetupError(`The machine ended without its command (${ending}):\n${said.trim().slice(-2000)}`)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Gives how qemu ended. */
function start(args, seconds) {
  return new Promise((resolve, reject) => {
    const child = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'inherit', 'inherit'] })
    let ending
    const end = (why) => {
      ending ??= why
      child.kill('SIGKILL')
    }
    const timer = setTimeout(() => end(`after ${seconds} s`), seconds * 1000)
    const interrupt = () => end('interrupted')
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
      resolve(ending ?? `qemu: ${signal ?? code}`)
    })
  })
}

/** For sh. */
function quoted(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
