import words from '../words/fr/app.json'
import { start } from './start.tsx'

start('fr', words)
