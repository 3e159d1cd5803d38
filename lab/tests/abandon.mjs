// Makes a lab with a process in it, prints its name, and waits to be killed.
import { Lab } from '../dist/index.js'

const lab = await Lab.create({ hosts: 1 })
const sleeper = lab.host(0).spawn('sleep', ['60'])
console.log(JSON.stringify({ name: lab.name, sleeper: sleeper.pid }))
setInterval(() => {}, 1000)
