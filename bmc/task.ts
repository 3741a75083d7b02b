/** Long work that a BMC does by itself: started by one call, asked about by others, perhaps from another process. */
export interface BmcTask {
  /** What `taskState` is asked with; undefined: the work was over with the call. */
  readonly id: string | undefined;
}

export interface BmcTaskState {
  readonly state: 'running' | 'completed' | 'failed';
  readonly percent?: number;
  /** It runs when the machine starts the next time. */
  readonly waitsForStart?: boolean;
  /** The BMC's own words, the most telling first. */
  readonly message: string;
}

export interface TaskCalls {
  taskState(id: string, signal: AbortSignal): Promise<BmcTaskState>;
}
