import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { StoreSettings } from '@selvedge/agent/flags'

/** A certificate, or key, of the connection to the store. */
export interface CertificateFact {
  /** Its file, and of a kubeconfig where in it. */
  readonly file: string
  /** In ms since the epoch; undefined for a key, and if it cannot be read, which `problem` explains. */
  readonly validTo?: number | undefined
  readonly problem?: string | undefined
}

export async function certificateFacts(store: StoreSettings): Promise<readonly CertificateFact[]> {
  if (store.type === 'etcd') {
    const { ca, cert, key } = store.tls
    const files = [ca, cert].filter((file) => file !== undefined)
    return [...(await Promise.all(files.map(ofFile))), ...(key === undefined ? [] : await ofKey(key))]
  }
  if (store.type === 'nats') {
    const { caFile, certFile, keyFile } = store.tls
    const files = [caFile, certFile].filter((file) => file !== undefined)
    return [...(await Promise.all(files.map(ofFile))), ...(keyFile === undefined ? [] : await ofKey(keyFile))]
  }
  if (store.type === 'kubernetes' && 'kubeconfigFile' in store.access)
    return ofKubeconfig(store.access.kubeconfigFile)
  return []
}

async function ofFile(file: string): Promise<CertificateFact> {
  try {
    return { file, validTo: endOf(await readFile(file)) }
  } catch (error) {
    return { file, problem: messageOf(error) }
  }
}

async function ofKey(file: string): Promise<readonly CertificateFact[]> {
  try {
    await readFile(file)
    return []
  } catch (error) {
    return [{ file, problem: messageOf(error) }]
  }
}

/** Certificates in it, or in files that it names. What it lacks is the store client's to say. */
async function ofKubeconfig(file: string): Promise<readonly CertificateFact[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const named = [...text.matchAll(/"?(certificate-authority|client-certificate)(-data)?"?:\s*"?([^\s",]+)/g)]
  return Promise.all(
    named.map(([, name = '', isData, value = '']): CertificateFact | Promise<CertificateFact> => {
      if (isData === undefined) return ofFile(value)
      const place = `${file} (${name}-data)`
      try {
        return { file: place, validTo: endOf(Buffer.from(value, 'base64')) }
      } catch (error) {
        return { file: place, problem: messageOf(error) }
      }
    }),
  )
}

const endOf = (pem: Buffer): number => Date.parse(new X509Certificate(pem).validTo)

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
