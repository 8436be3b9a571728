import words from '../words/de/app.json'
import { start } from './start.tsx'

start('de', words)
