export { isCanonicalHost, refusalOf, type Candidate, type CandidatePolicy } from './candidates.ts'
