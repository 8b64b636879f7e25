// Prints the fingerprints of the histories of some seeds; two processes must print the same.
import { fingerprintOf, simulate } from '@mesh/core/testing'

for (let seed = 1; seed <= 10; seed++) console.log(fingerprintOf(await simulate({ seed })))
