const known = {France: 'Paris', Peru: 'Cusco', Italy: 'Rome'};
module.exports = class {
  constructor(options) { this.config = options.config || {}; this.providerId = options.id; }
  id() { return 'capitals:' + this.config.model; }
  async callApi(prompt, context) {
    const country = context.vars.country;
    if (country === 'Atlantis') return {error: 'API error: 500 Internal Server Error'};
    return {output: known[country], tokenUsage: {total: 13, prompt: 11, completion: 2, cached: 0}, cost: 0.0001, cached: false, metadata: {region: 'eu'}};
  }
};
