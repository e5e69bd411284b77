// The simulated disk, while nothing fails, behaves as the disk of this machine does.

import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { type DiskUnderTest, diskCases } from "./disk.cases.ts";
import { durableCases } from "./durable.cases.ts";

function make(): DiskUnderTest {
  const disk = new SimDisk(new Random("cases"), { writeBackChance: 0.2 });
  disk.createFolder("/data");
  return { disk, folder: "/data" };
}

diskCases("the simulated disk", make);
durableCases("the simulated disk", make);
