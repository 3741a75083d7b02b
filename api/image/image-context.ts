import type { ImageData } from '../../images/image-data-service.ts';
import type { Call, ServiceRoute } from '../service-plugin.ts';

export interface ImageContext {
  readonly data: ImageData;
}

export type ImageCall = Call<ImageContext>;
export type ImageRoute = ServiceRoute<ImageContext>;

export const dbOf = (call: ImageCall) => call.context.data.db;
