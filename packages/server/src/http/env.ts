/** What is known of a call beside the request. */
export interface Env {
  Bindings: {
    /** The caller's network address, where it is known. */
    address?: string | undefined
  }
}
