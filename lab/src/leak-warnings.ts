/** What Node.js says of listeners that look like a leak, in this process, while `work` is under way. */
export async function leakWarnings(work: () => Promise<unknown>): Promise<readonly string[]> {
  const said: string[] = []
  const hear = ({ name, message }: Error): void => {
    if (name === 'MaxListenersExceededWarning') said.push(message)
  }
  process.on('warning', hear)
  try {
    await work()
    // They are reported in a turn of their own.
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.off('warning', hear)
  }
  return said
}
