import type { FastifyInstance } from 'fastify';
import type { Database } from '../core/database/connect-database.ts';
import type { ImageData } from '../images/image-data-service.ts';
import type { ComputeContext } from './compute/compute-context.ts';
import { computeService } from './compute/compute-server.ts';
import { imageService } from './image/image-server.ts';
import { introspectionService } from './introspection-service.ts';
import { networkService } from './network/network-server.ts';
import type { ObjectStorage } from '../storage/object-storage.ts';
import { objectService } from './object/object-server.ts';
import { placementContext } from './placement/placement-context.ts';
import { placementService } from './placement/placement-server.ts';
import { registerService, type Service, type ServiceHost } from './service-plugin.ts';

/** Every service that is data (`service-plugin.ts`), for the reference and for tests that leave none out. */
export const SERVICES: readonly Service[] = [
  introspectionService,
  networkService,
  placementService,
  imageService,
  computeService,
  objectService,
];

/** A service with what its handlers work on. */
export interface MountedService {
  readonly service: Service;
  register(app: FastifyInstance, host: ServiceHost): void;
}

export const mount = <Context>(service: Service<Context>, context: Context): MountedService => ({
  service,
  register: (app, host) => registerService(app, host, service, context),
});

export const mountPlacement = (database: Database): MountedService => mount(placementService, placementContext(database));

export const mountImages = (data: ImageData): MountedService => mount(imageService, { data });
export const mountObjects = (storage: ObjectStorage): MountedService => mount(objectService, { storage });
export const mountNetwork = ({ db }: Database): MountedService => mount(networkService, { db });
export const mountCompute = (context: ComputeContext): MountedService => mount(computeService, context);
