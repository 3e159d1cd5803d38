import { type Child, type Host, until } from '@selvedge/lab'

/**
 * A process on a host that holds a mount namespace of its own, in which `script` was run: other programs join it by its pid
 * and see files that no other host sees. It ends with the host.
 */
export async function holdMounts(host: Host, script: string): Promise<Child> {
  // As a slave, it sees namespaces that are made later, and nobody sees what it mounts.
  const own = ['--mount', '--propagation', 'slave']
  const holder = host.spawn('unshare', [...own, 'sh', '-ec', `${script}\necho ready\nexec sleep 3600`])
  let said = ''
  for (const stream of [holder.stdout, holder.stderr]) {
    stream.setEncoding('utf8').on('data', (part) => {
      said += part
    })
  }
  await until('private files', () => {
    if (holder.exitCode !== null) throw new Error(said)
    return said.includes('ready') || undefined
  })
  return holder
}
