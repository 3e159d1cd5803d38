import { expect, test } from 'vitest'
import { tlsFailure } from './tls-failure.js'

const openssl = (alert: string) =>
  new Error(
    `80EC24148D7F0000:error:0A000418:SSL routines:ssl3_read_bytes:${alert}:../ssl/record.c:1605:SSL alert number 48\n`,
  )

test.each([
  ['tlsv1 alert unknown ca', 'unknown ca'],
  ['ssl/tls alert bad certificate', 'bad certificate'],
  ['sslv3 alert certificate expired', 'certificate expired'],
  ['tlsv13 alert certificate required', 'certificate required'],
  ['tlsv1 alert access denied', 'access denied'],
])('a client certificate that is refused: %s', (alert, named) => {
  expect(tlsFailure(openssl(alert))).toMatchObject({
    code: 'ACCESS_DENIED',
    explanation: expect.stringContaining(`refuses the TLS client certificate (alert ${named})`),
  })
})

test.each([
  'unable to verify the first certificate',
  'self-signed certificate in certificate chain',
  'certificate has expired',
  "Hostname/IP does not match certificate's altnames: IP: 192.0.2.1 is not in the cert's list: ",
])('a certificate of the server that is not valid: %s', (message) => {
  expect(tlsFailure(new Error(message))).toMatchObject({
    code: 'STORE_UNAVAILABLE',
    explanation: expect.stringContaining(`its certificate is not valid (${message})`),
  })
})

test.each(['connect ECONNREFUSED 127.0.0.1:6443', 'no answer for 10 s', 'tlsv1 alert protocol version'])(
  'of another kind: %s',
  (message) => {
    expect(tlsFailure(new Error(message))).toBeUndefined()
  },
)
