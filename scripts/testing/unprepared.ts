/** The machine lacks something; the message is one sentence for the person in front of it. */
export class Unprepared extends Error {
  override readonly name = 'Unprepared'
}
