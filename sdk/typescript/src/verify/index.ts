export { ApiError } from '../errors.ts'
export {
  type ExpressLikeRequest,
  type ExpressLikeResponse,
  type FastifyLikeReply,
  type FastifyLikeRequest,
  forExpress,
  forFastify,
  forHono,
  guard,
  type HonoLikeContext,
  principalOf,
} from './guards.ts'
export type { KeyHolder, Needs, Principal, SignedIn } from './principal.ts'
export { type RefusalCode, RefusedError } from './refusals.ts'
export { Verifier, type VerifierOptions } from './verifier.ts'
