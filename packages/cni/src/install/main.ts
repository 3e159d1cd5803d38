import process from 'node:process'
import { InstallError } from './error.js'
import { installConfig } from './install-config.js'
import { installPlugin } from './install-plugin.js'

const USAGE = `Installs what a container runtime reads on a host, atomically; what is installed already is not written.

  install-cni plugin FROM TO   FROM: the folder with flannel.cjs and node
                               TO: the folder of CNI plugins, at the path that it has on the host: /opt/cni/bin
  install-cni config FROM TO   FROM: a CNI config list
                               TO: the file that the runtime reads: /etc/cni/net.d/10-flannel.conflist
`

const INSTALLATIONS: Readonly<Record<string, (paths: { from: string; to: string }) => Promise<boolean>>> = {
  plugin: installPlugin,
  config: installConfig,
}

/** The program `install-cni`: 0 once it is installed, 1 if it could not be, 2 for arguments that are not valid. */
async function main([what = '', from = '', to = '', ...rest]: readonly string[]): Promise<number> {
  const install = Object.hasOwn(INSTALLATIONS, what) ? INSTALLATIONS[what] : undefined
  if (install === undefined || from === '' || !to.startsWith('/') || rest.length > 0) {
    process.stderr.write(USAGE)
    return 2
  }
  try {
    process.stdout.write((await install({ from, to })) ? `installed ${to}\n` : `${to} is installed already\n`)
    return 0
  } catch (error) {
    const { code, message } = InstallError.from(error, `installing ${from} as ${to}`)
    process.stderr.write(`install-cni: ${code}: ${message}\n`)
    return 1
  }
}

void main(process.argv.slice(2)).then((status) => {
  process.exitCode = status
})
