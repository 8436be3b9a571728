/** Short words that are spelt as they are spoken, none like another; 128 of them. */
const words =
  `acorn amber anchor apple arrow autumn bacon badge bamboo banjo barrel basket beach beaver bell berry
  biscuit blanket bonfire bottle branch bread bridge bucket butter button cabin cactus camel candle canoe carpet
  castle cedar cherry chimney cinnamon circus clover cobalt comet copper coral cotton cricket crystal curtain daisy
  desert dolphin dragon drum eagle ember engine falcon feather fern fiddle forest fountain garden ginger glacier
  guitar hammer harbour harvest hazel hedge helmet honey island ivory jacket jasmine jelly jungle kettle kitten
  ladder lagoon lantern lemon lily lizard lobster magnet maple marble meadow melon mirror monkey mountain mustard
  needle nutmeg olive onion orange orchard otter oyster paddle panda parrot pebble pencil pepper piano pillow
  planet pocket pumpkin puzzle rabbit raven ribbon rocket saddle saffron sailor salmon scarf shadow silver spruce`.split(
    /\s+/,
  )

const WORDS = 4

/**
 * What the device and the page both show, so that its person sees that the two belong together. It follows from the
 * hash of the device's code, which differs with each request, and opens nothing.
 */
export function pairingPhrase(deviceHash: string): string {
  const bytes = Buffer.from(deviceHash, 'base64url').subarray(0, WORDS)
  return [...bytes].map((byte) => words[byte % words.length]).join(' ')
}
