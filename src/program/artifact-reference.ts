/** An output of a step: what `STEP.OUTPUT` names. */
export interface ArtifactReference {
  step: string;
  output: string;
}

/** Takes `STEP.OUTPUT` apart at its first dot; a text without one is a step and an empty output. */
export function artifactReference(text: string): ArtifactReference {
  const dot = text.indexOf('.');
  return dot < 0 ? { step: text, output: '' } : { step: text.slice(0, dot), output: text.slice(dot + 1) };
}
