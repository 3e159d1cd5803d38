import { expect, test } from 'vitest'
import { wordsOf } from './words.js'

const environment = {
  SUBNET: '10.5.2.0/24',
  PUBLIC_IP: '192.168.64.3',
  EVIL: 'a b; rm -rf $SUBNET',
  EMPTY: '',
}

test.each<[text: string, words: readonly string[]]>([
  ['ip route add $SUBNET via $PUBLIC_IP', ['ip', 'route', 'add', '10.5.2.0/24', 'via', '192.168.64.3']],
  ['  a \t b\n', ['a', 'b']],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is for the command
  ['a ${SUBNET}x $SUBNETx $SUBNET/x', ['a', '10.5.2.0/24x', '', '10.5.2.0/24/x']],
  ['"$SUBNET" \'x y\'', ['"10.5.2.0/24"', "'x", "y'"]],
  ['a $EVIL', ['a', 'a b; rm -rf $SUBNET']],
  ['a $EMPTY $UNSET$UNSET', ['a', '', '']],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is for the command
  ['a $ $$ $1 $? ${} ${SUBNET %$%', ['a', '$', '', '', '', '', 'SUBNET', '%$%']],
  ['a $__proto__ $constructor $toString', ['a', '', '', '']],
  ['$(date) `date` | x > y', ['$(date)', '`date`', '|', 'x', '>', 'y']],
])('%j', (text, words) => {
  expect(wordsOf(text, environment)).toEqual(words)
})
