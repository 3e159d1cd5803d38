/** What a host installs: one package, small, without install scripts, whose programs run on every Node.js. */
import { join } from 'node:path'
import { installSize } from '../package/install-size.mjs'
import { onNode, runSnippet } from './run-snippet.mjs'
import { nodeBinary } from './tools.mjs'

const MAX_MEGABYTES = 20

/** By etcd, and by LMDB; over netlink. */
const AGENTS = {
  'an agent with etcd': {
    etcd: { Type: 'vxlan' },
    args: ['-etcd-endpoints=http://10.0.0.5:2379'],
  },
  'an agent with its own store': {
    args: ['-local-store=/var/lib/overlay', '-net-config-path=/etc/net-conf.json'],
    files: { '/etc/net-conf.json': '{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan" } }' },
  },
}

export async function checkSelvedged(folder, tarball, versions, progress) {
  progress.expect(1 + versions.length * Object.keys(AGENTS).length)
  await progress.check(`selvedged alone: under ${MAX_MEGABYTES} MB, without install scripts`, async () => {
    const { megabytes, packages, installScripts } = await installSize([tarball], folder)
    const remark = `${megabytes.toFixed(1)} MB, packages: ${packages}, with install scripts: ${installScripts.length}`
    return { failed: megabytes > MAX_MEGABYTES || packages !== 1 || installScripts.length > 0, remark }
  })
  for (const version of versions) {
    for (const [name, agent] of Object.entries(AGENTS)) {
      await progress.check(`runs: Node.js ${version}, selvedged alone: ${name}`, async () =>
        runSnippet(
          { ...agent, prints: /in sync: the kernel holds what all leases require/, stops: true },
          {
            runtime: onNode(await nodeBinary(version)),
            file: join(folder, 'node_modules/@selvedge/selvedged/bin/selvedged.js'),
            cwd: folder,
            work: join(folder, 'work', `${version}-${name.replaceAll(' ', '-')}`),
          },
        ),
      )
    }
  }
}
