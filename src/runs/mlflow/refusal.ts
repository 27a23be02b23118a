/** Codes of MLflow's protocol that are answered, each with the HTTP status that goes with it. */
export const statuses = {
  INVALID_PARAMETER_VALUE: 400,
  BAD_REQUEST: 400,
  RESOURCE_DOES_NOT_EXIST: 404,
  ENDPOINT_NOT_FOUND: 404,
  PERMISSION_DENIED: 403,
  RESOURCE_LIMIT_EXCEEDED: 400,
} as const;

/** Why a request of MLflow's protocol is not done; its client shows the message. */
export class Refusal extends Error {
  readonly code: keyof typeof statuses;

  constructor(code: keyof typeof statuses, message: string) {
    super(message);
    this.code = code;
  }
}
