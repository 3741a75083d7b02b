import { readFileSync } from 'node:fs';
process.stdout.write(`AGENT-HELLO ${readFileSync('/proc/uptime', 'utf8')}`);
