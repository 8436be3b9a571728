import words from '../words/en/app.json'
import { start } from './start.tsx'

start('en', words)
