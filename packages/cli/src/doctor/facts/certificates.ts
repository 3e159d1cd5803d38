import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { CertificateFact } from './facts.js'

export function certificateFacts(files: readonly string[]): Promise<readonly CertificateFact[]> {
  return Promise.all(
    files.map(async (file) => {
      try {
        const certificate = new X509Certificate(await readFile(file))
        return { file, validTo: Date.parse(certificate.validTo), problem: undefined }
      } catch (error) {
        return { file, validTo: undefined, problem: error instanceof Error ? error.message : String(error) }
      }
    }),
  )
}
