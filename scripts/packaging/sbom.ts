interface Bill {
  serialNumber?: string
  readonly metadata: { timestamp?: string; tools?: unknown; readonly component: { name: string } }
}

/** npm's list of what is in the software (CycloneDX), without what differs from run to run and from folder to folder. */
export function billOfMaterials(text: string): string {
  const bill: Bill = JSON.parse(text)
  delete bill.serialNumber
  delete bill.metadata.timestamp
  delete bill.metadata.tools
  bill.metadata.component.name = 'freddy-auth'
  return `${JSON.stringify(bill, null, 2)}\n`
}
